//! The room as a whole, on a virtual network with a virtual clock: real endpoints on both sides.

mod attacks;
mod calls;
mod early;
mod flows;
mod gateway;
mod identity;
mod limits;
mod network;
mod races;
mod raw;
mod redirects;
mod registering;
mod reliable;
mod routes;
mod storms;
mod subscribing;
mod timers;
mod transfer;
mod updating;
mod wild;
