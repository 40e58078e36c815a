//! What this crate calls of the runtime without the `worker` crate's wrappers: Durable Object storage, stubs, fetch,
//! randomness, and the shim. Measured: the wrappers halve the rate of a busy object.

use js_sys::{Array, JsString, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The shim's object (`Actor` in `shim.js`).
    pub type Shim;
    /// Calls `Host::run_turn` soon, in a turn of the event loop of its own.
    #[wasm_bindgen(method, js_name = armTurn)]
    pub fn arm_turn(this: &Shim);
    /// Calls `Host::tick` after so many milliseconds, instead of any call that was wanted before.
    #[wasm_bindgen(method, js_name = tickIn)]
    pub fn tick_in(this: &Shim, delay_ms: i32);
    /// Opens a connection; `Host::opened`, `received` and `closed` tell of it.
    #[wasm_bindgen(method)]
    pub fn open(this: &Shim, link: f64, address: &str, secure_transport: &str);
    /// Writes to a connection after what was written before, once what is stored by now is on disk.
    #[wasm_bindgen(method)]
    pub fn send(this: &Shim, link: f64, bytes: &Uint8Array);
    /// Closes a connection; the host hears nothing more of it.
    #[wasm_bindgen(method)]
    pub fn close(this: &Shim, link: f64);

    /// `DurableObjectStorage`.
    pub type RawStorage;
    #[wasm_bindgen(method, getter)]
    pub fn sql(this: &RawStorage) -> RawSql;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub fn transaction_sync(
        this: &RawStorage,
        body: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub fn set_alarm(this: &RawStorage, at_ms: f64) -> Result<Promise, JsValue>;

    /// `SqlStorage`.
    pub type RawSql;
    #[wasm_bindgen(method, catch, js_name = exec)]
    pub fn exec_0(this: &RawSql, statement: &JsString) -> Result<RawCursor, JsValue>;
    #[wasm_bindgen(method, catch, js_name = exec)]
    pub fn exec_1(this: &RawSql, statement: &JsString, a: &JsValue) -> Result<RawCursor, JsValue>;
    #[wasm_bindgen(method, catch, js_name = exec)]
    pub fn exec_2(
        this: &RawSql,
        statement: &JsString,
        a: &JsValue,
        b: &JsValue,
    ) -> Result<RawCursor, JsValue>;
    #[wasm_bindgen(method, catch, js_name = exec)]
    pub fn exec_3(
        this: &RawSql,
        statement: &JsString,
        a: &JsValue,
        b: &JsValue,
        c: &JsValue,
    ) -> Result<RawCursor, JsValue>;
    #[wasm_bindgen(method, catch, variadic, js_name = exec)]
    pub fn exec_many(this: &RawSql, statement: &JsString, params: &Array) -> Result<RawCursor, JsValue>;

    /// `SqlStorageCursor`.
    pub type RawCursor;
    #[wasm_bindgen(method, catch)]
    pub fn raw(this: &RawCursor) -> Result<RawRows, JsValue>;
    /// The iterator of a cursor's rows, each an array of its columns.
    pub type RawRows;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub fn to_array(this: &RawRows) -> Result<Array, JsValue>;

    /// `DurableObjectNamespace`.
    pub type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub fn get_by_name(this: &Namespace, name: &str) -> Result<Stub, JsValue>;
    /// A stub of one of our own objects.
    pub type Stub;
    #[wasm_bindgen(method, catch)]
    pub fn cmds(this: &Stub, envelope: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn log(this: &Stub, target: &str, after: f64, limit: u32) -> Result<Promise, JsValue>;

    /// Whatever can be asked by HTTP: the binding of the static files.
    pub type Fetcher;
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Fetcher, url: &str) -> Result<Promise, JsValue>;

    /// The global `fetch`.
    #[wasm_bindgen(catch, js_name = fetch)]
    pub fn fetch_url(url: &str, init: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &mut [u8]);

    /// `Response`.
    pub type Response;
    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, getter)]
    pub fn headers(this: &Response) -> Headers;
    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    pub fn array_buffer(this: &Response) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub fn body(this: &Response) -> Option<ReadableStream>;
    /// `ReadableStream`.
    pub type ReadableStream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub fn get_reader(this: &ReadableStream) -> Result<StreamReader, JsValue>;
    /// `ReadableStreamDefaultReader`.
    pub type StreamReader;
    #[wasm_bindgen(method)]
    pub fn read(this: &StreamReader) -> Promise;
    /// `Headers`.
    pub type Headers;
    #[wasm_bindgen(method)]
    pub fn get(this: &Headers, name: &str) -> Option<String>;
}

/// 128 bits from the runtime's cryptographic source.
pub fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    u128::from_le_bytes(bytes)
}

/// What an exception says, in one line.
pub fn message(exception: &JsValue) -> String {
    match exception.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => exception.as_string().unwrap_or_else(|| format!("{exception:?}")),
    }
}
