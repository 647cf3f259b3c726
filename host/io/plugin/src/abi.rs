//! The generated bindings of every released WIT version. Their types stop here and in `capability/`.

#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated")]
pub(crate) mod v0_1 {
    /// All imports, and the applications.
    pub mod app {
        wasmtime::component::bindgen!({
            path: "../../../wit/v0.1",
            world: "app",
            imports: {
                "jackfield:pbx/legs.[method]leg.id": trappable,
                "jackfield:pbx/system": trappable,
                "jackfield:pbx/metrics": trappable,
                default: async | trappable,
            },
            exports: { default: async },
            with: {
                "jackfield:pbx/legs.leg": crate::capability::legs::Handle,
                "jackfield:pbx/lines.line": crate::capability::lines::Handle,
            },
        });
    }

    /// The functions; everything else as in `app`.
    pub mod function {
        wasmtime::component::bindgen!({
            path: "../../../wit/v0.1",
            world: "function",
            imports: { default: async | trappable },
            exports: { default: async },
            with: {
                "jackfield:pbx/types": super::app::jackfield::pbx::types,
                "jackfield:pbx/legs": super::app::jackfield::pbx::legs,
                "jackfield:pbx/kv": super::app::jackfield::pbx::kv,
                "jackfield:pbx/metrics": super::app::jackfield::pbx::metrics,
                "jackfield:pbx/dialplan": super::app::jackfield::pbx::dialplan,
                "jackfield:pbx/system": super::app::jackfield::pbx::system,
            },
        });
    }

    /// The service, a channel driver's too; everything else as in `app`.
    pub mod service {
        wasmtime::component::bindgen!({
            path: "../../../wit/v0.1",
            world: "channel",
            imports: { default: async | trappable },
            exports: { default: async },
            with: {
                "jackfield:pbx/types": super::app::jackfield::pbx::types,
                "jackfield:pbx/lines": super::app::jackfield::pbx::lines,
                "jackfield:pbx/blob": super::app::jackfield::pbx::blob,
                "jackfield:pbx/metrics": super::app::jackfield::pbx::metrics,
                "jackfield:pbx/http": super::app::jackfield::pbx::http,
                "jackfield:pbx/kv": super::app::jackfield::pbx::kv,
                "jackfield:pbx/event": super::app::jackfield::pbx::event,
                "jackfield:pbx/schedule": super::app::jackfield::pbx::schedule,
                "jackfield:pbx/choice": super::app::jackfield::pbx::choice,
                "jackfield:pbx/system": super::app::jackfield::pbx::system,
            },
        });
    }

    /// The strategies; everything else as in `app`.
    pub mod strategy {
        wasmtime::component::bindgen!({
            path: "../../../wit/v0.1",
            world: "strategy",
            imports: { default: async | trappable },
            exports: { default: async },
            with: {
                "jackfield:pbx/types": super::app::jackfield::pbx::types,
                "jackfield:pbx/metrics": super::app::jackfield::pbx::metrics,
                "jackfield:pbx/system": super::app::jackfield::pbx::system,
            },
        });
    }

    pub use app::jackfield::pbx::types::{Candidate, Error, Event};
}

/// The WIT version this host offers newest.
pub const WIT_VERSION: &str = "0.1.0";

/// The WIT files of version 0.1, name and text: what the loader compares with and what plugins are written against.
pub const WIT_0_1: [(&str, &str); 20] = [
    ("types.wit", include_str!("../../../../wit/v0.1/types.wit")),
    ("legs.wit", include_str!("../../../../wit/v0.1/legs.wit")),
    ("dial.wit", include_str!("../../../../wit/v0.1/dial.wit")),
    ("recording.wit", include_str!("../../../../wit/v0.1/recording.wit")),
    ("blob.wit", include_str!("../../../../wit/v0.1/blob.wit")),
    ("http.wit", include_str!("../../../../wit/v0.1/http.wit")),
    ("kv.wit", include_str!("../../../../wit/v0.1/kv.wit")),
    ("metrics.wit", include_str!("../../../../wit/v0.1/metrics.wit")),
    ("dialplan.wit", include_str!("../../../../wit/v0.1/dialplan.wit")),
    ("bus.wit", include_str!("../../../../wit/v0.1/bus.wit")),
    ("event.wit", include_str!("../../../../wit/v0.1/event.wit")),
    ("schedule.wit", include_str!("../../../../wit/v0.1/schedule.wit")),
    ("lines.wit", include_str!("../../../../wit/v0.1/lines.wit")),
    ("choice.wit", include_str!("../../../../wit/v0.1/choice.wit")),
    ("system.wit", include_str!("../../../../wit/v0.1/system.wit")),
    ("apps.wit", include_str!("../../../../wit/v0.1/apps.wit")),
    ("functions.wit", include_str!("../../../../wit/v0.1/functions.wit")),
    ("strategies.wit", include_str!("../../../../wit/v0.1/strategies.wit")),
    ("services.wit", include_str!("../../../../wit/v0.1/services.wit")),
    ("world.wit", include_str!("../../../../wit/v0.1/world.wit")),
];
