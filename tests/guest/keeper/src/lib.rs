//! A plugin that keeps every leg it is given: `KEEP()` never drops the handle of its call, and says how many it has.

#[cfg(target_arch = "wasm32")]
mod wasm {
    use std::cell::RefCell;

    use jackfield_sdk::__wasm::{Functions, Leg, WireError, function};

    thread_local! {
        static KEPT: RefCell<Vec<Leg>> = const { RefCell::new(Vec::new()) };
    }

    struct Keeper;

    impl Functions for Keeper {
        fn read(_name: String, _arguments: Vec<String>, call: Option<Leg>) -> Result<String, WireError> {
            KEPT.with_borrow_mut(|kept| {
                kept.extend(call);
                Ok(kept.len().to_string())
            })
        }

        fn write(_name: String, _arguments: Vec<String>, _value: String, _call: Option<Leg>) -> Result<(), WireError> {
            Ok(())
        }
    }

    function::export_function!(Keeper with_types_in function);
}
