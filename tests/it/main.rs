//! One integration binary with many modules: linking is what one waits for.

mod alloc;
mod dialplan_bad;
mod france_tables;
mod ops_http;
mod sdp_offers;
mod sip_message;
mod store_spool;
mod tidy;
