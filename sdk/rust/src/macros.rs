//! The macros by which a plugin says what it exports.

use crate::{Error, Leg, Result};

/// Exports dialplan applications: `apps! { "Echo" => echo, "Other" => other }`, each a `fn(Leg, &str) -> Result`.
///
/// The names are those of `provides.apps` in plugin.toml. Native tests call the functions themselves.
#[macro_export]
macro_rules! apps {
    ($($name:literal => $run:path),+ $(,)?) => {
        /// Runs an application of this plugin by name.
        #[allow(dead_code, reason = "called by the host only")]
        fn __jackfield_run(name: &str, leg: $crate::Leg, arguments: &str) -> $crate::Result {
            match name {
                $($name => $run(leg, arguments),)+
                other => Err($crate::__unknown(other)),
            }
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Plugin;
            impl $crate::__wasm::Apps for Plugin {
                fn run(
                    name: String,
                    caller: $crate::__wasm::Leg,
                    arguments: String,
                ) -> ::std::result::Result<(), $crate::__wasm::WireError> {
                    Ok(__jackfield_run(&name, $crate::__wasm::owned(caller), &arguments)?)
                }
            }
            $crate::__wasm::app::export_app!(Plugin with_types_in $crate::__wasm::app);
        };
    };
}

/// What a dialplan function is called with.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// The arguments: `${CUT(a,b)}` has two.
    pub arguments: &'a [String],
    /// The leg whose dialplan asks, if there is one.
    pub call: Option<&'a Leg>,
}

impl Function<'_> {
    /// The argument at `index`, an empty string if it is not there.
    pub fn argument(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }

    /// The leg whose dialplan asks, or an error that says it is needed.
    pub fn leg(&self) -> Result<&Leg> {
        self.call.ok_or_else(|| Error::unsupported("only within a call"))
    }
}

/// Exports dialplan functions.
///
/// ```
/// use jackfield_sdk::{Function, Result, functions, kv};
///
/// functions! {
///     "LEN" => len,
///     "DB" => db / set_db,
/// }
///
/// /// `${LEN(text)}`
/// fn len(call: Function<'_>) -> Result<String> {
///     Ok(call.argument(0).chars().count().to_string())
/// }
///
/// fn db(call: Function<'_>) -> Result<String> {
///     Ok(kv::get_text(call.argument(0))?.unwrap_or_default())
/// }
///
/// /// `Set(DB(family/key)=value)`
/// fn set_db(call: Function<'_>, value: &str) -> Result {
///     kv::set(call.argument(0), value)
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! functions {
    ($($name:literal => $read:ident $(/ $write:ident)?),+ $(,)?) => {
        /// Reads a function of this plugin by name.
        #[allow(dead_code, reason = "called by the host only")]
        fn __jackfield_read(name: &str, call: $crate::Function<'_>) -> $crate::Result<String> {
            match name {
                $($name => $read(call),)+
                other => Err($crate::__unknown(other)),
            }
        }

        /// Assigns to a function of this plugin by name.
        #[allow(dead_code, unused_variables, reason = "called by the host only; not every plugin has one that can be assigned")]
        fn __jackfield_write(name: &str, call: $crate::Function<'_>, value: &str) -> $crate::Result {
            match name {
                $($($name => $write(call, value),)?)+
                other => Err($crate::Error::unsupported(format!("{other} cannot be assigned"))),
            }
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Plugin;
            impl $crate::__wasm::Functions for Plugin {
                fn read(
                    name: String,
                    arguments: Vec<String>,
                    call: Option<$crate::__wasm::Leg>,
                ) -> ::std::result::Result<String, $crate::__wasm::WireError> {
                    let call = call.map($crate::__wasm::owned);
                    Ok(__jackfield_read(&name, $crate::Function { arguments: &arguments, call: call.as_ref() })?)
                }

                fn write(
                    name: String,
                    arguments: Vec<String>,
                    value: String,
                    call: Option<$crate::__wasm::Leg>,
                ) -> ::std::result::Result<(), $crate::__wasm::WireError> {
                    let call = call.map($crate::__wasm::owned);
                    Ok(__jackfield_write(&name, $crate::Function { arguments: &arguments, call: call.as_ref() }, &value)?)
                }
            }
            $crate::__wasm::function::export_function!(Plugin with_types_in $crate::__wasm::function);
        };
    };
}

/// Exports strategies, by which other plugins choose. The names are those of `provides.strategies` in plugin.toml.
///
/// ```
/// use jackfield_sdk::strategy::Choice;
/// use jackfield_sdk::{Result, strategies};
///
/// strategies! { "fewest-calls" => fewest_calls }
///
/// /// Whoever had the fewest calls.
/// fn fewest_calls(choice: Choice<'_>) -> Result<Vec<String>> {
///     Ok(choice.first_by_key(|member| member.number("calls")))
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! strategies {
    ($($name:literal => $choose:path),+ $(,)?) => {
        /// Has a strategy of this plugin choose, by its name.
        #[allow(dead_code, reason = "called by the host only")]
        fn __jackfield_choose(name: &str, choice: $crate::strategy::Choice<'_>) -> $crate::Result<Vec<String>> {
            match name {
                $($name => $choose(choice),)+
                other => Err($crate::__unknown(other)),
            }
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Plugin;
            impl $crate::__wasm::Strategies for Plugin {
                fn choose(
                    strategy: String,
                    question: Vec<(String, String)>,
                    candidates: Vec<$crate::__wasm::WireCandidate>,
                ) -> ::std::result::Result<Vec<String>, $crate::__wasm::WireError> {
                    let candidates: Vec<_> = candidates.into_iter().map($crate::strategy::Candidate::from).collect();
                    let choice = $crate::strategy::Choice { question: &question, candidates: &candidates };
                    Ok(__jackfield_choose(&strategy, choice)?)
                }
            }
            $crate::__wasm::strategy::export_strategy!(Plugin with_types_in $crate::__wasm::strategy);
        };
    };
}

/// Exports the long-lived part of a plugin: `service! { Queue }`, where `Queue` is a [`Service`](crate::Service).
#[macro_export]
macro_rules! service {
    ($service:ty) => {
        // Natively nothing calls it but tests; it still must be one.
        const _: fn(Option<Vec<u8>>) -> $crate::Result<$service> = <$service as $crate::Service>::start;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use ::std::cell::RefCell;
            use $crate::__wasm::WireEvent;

            thread_local! {
                static SERVICE: RefCell<Option<$service>> = const { RefCell::new(None) };
            }

            fn with<T>(
                body: impl FnOnce(&mut $service) -> $crate::Result<T>,
            ) -> ::std::result::Result<T, $crate::__wasm::WireError> {
                SERVICE.with_borrow_mut(|service| {
                    let service = service.as_mut().ok_or_else(|| $crate::Error::failed("not started"))?;
                    Ok(body(service)?)
                })
            }

            struct Plugin;
            impl $crate::__wasm::Services for Plugin {
                fn start(restored: Option<Vec<u8>>) -> ::std::result::Result<(), $crate::__wasm::WireError> {
                    let service = <$service as $crate::Service>::start(restored)?;
                    SERVICE.with_borrow_mut(|slot| *slot = Some(service));
                    Ok(())
                }
                fn handle(event: WireEvent) -> ::std::result::Result<(), $crate::__wasm::WireError> {
                    with(|service| $crate::Service::handle(service, event.into()))
                }
                fn answer(request: Vec<u8>) -> ::std::result::Result<Vec<u8>, $crate::__wasm::WireError> {
                    with(|service| $crate::Service::answer(service, &request))
                }
                fn snapshot() -> ::std::result::Result<Vec<u8>, $crate::__wasm::WireError> {
                    with($crate::Service::snapshot)
                }
            }
    $crate::__wasm::service::export_service!(Plugin with_types_in $crate::__wasm::service);
        };
    };
}
