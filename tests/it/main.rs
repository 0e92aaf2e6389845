//! One integration binary with many modules: linking is what one waits for.

mod alloc;
mod bad_things;
mod dialplan_bad;
mod engine;
mod france_tables;
mod legs;
mod load;
mod ops_http;
mod peers;
mod privacy;
mod sdp_offers;
mod siege;
mod sip_message;
mod softphones;
mod store_spool;
mod strangers;
mod streams;
mod tidy;
mod torture;
mod trunks;
mod wire;
