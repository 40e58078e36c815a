//! The WebAssembly module that `checkout.js` loads. Everything worth reading is in `gyesan-widget`.
#![allow(unsafe_code, missing_docs, reason = "what wasm-bindgen generates")]

use wasm_bindgen::prelude::wasm_bindgen;
