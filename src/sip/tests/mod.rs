//! The room as a whole, on a virtual network with a virtual clock: real endpoints on both sides.

mod account;
mod attacks;
mod calls;
mod crossings;
mod duties;
mod early;
mod endings;
mod flows;
mod gateway;
mod identity;
mod limits;
mod network;
mod outbound;
mod outward;
mod raw;
mod redirects;
mod registering;
mod reliable;
mod routes;
mod sizes;
mod storms;
mod subscribing;
mod timers;
mod transfer;
mod upstream;
mod wild;
