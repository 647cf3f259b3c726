//! A core module as a component: what C compilers leave has the types of its world in a custom section.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

/// Makes a component of a core module. A component stays what it is.
pub fn componentize(wasm: Vec<u8>) -> Result<Vec<u8>, String> {
    // The fifth byte is the version, the seventh the layer: 1 is a component.
    if wasm.get(..8) != Some(b"\0asm\x01\0\0\0") {
        return Ok(wasm);
    }
    let encode = || {
        let mut encoder = ComponentEncoder::default();
        let encoder = encoder.validate(true).module(&wasm)?;
        encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?.encode()
    };
    encode().map_err(|error| format!("it cannot be made a component: {error:#}"))
}
