//! The room as a whole, on a virtual network with a virtual clock: real endpoints on both sides.

mod account;
mod calls;
mod network;
mod registering;
mod routes;
mod storms;
mod wild;
