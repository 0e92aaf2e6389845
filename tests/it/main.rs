//! One integration binary with many modules: linking is what one waits for.

mod tidy;
