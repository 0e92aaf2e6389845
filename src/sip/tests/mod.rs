//! The room as a whole, on a virtual network with a virtual clock: real endpoints on both sides.

mod attacks;
mod calls;
mod duties;
mod endings;
mod flows;
mod identity;
mod limits;
mod network;
mod outward;
mod raw;
mod registering;
mod routes;
mod storms;
mod subscribing;
mod transfer;
mod wild;
