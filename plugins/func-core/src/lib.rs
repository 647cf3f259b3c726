//! The functions most plans use: `CALLERID`, `CHANNEL`, `LEN`, `CUT`, `FILTER`, `MATH`, `RAND`, `STRFTIME` and the `DB` family.
//!
//! Each file is one noun; what it provides is listed here. The README is the manual.

mod caller;
mod channel;
mod database;
mod math;
mod random;
mod text;
mod time;

use jackfield_sdk::functions;

use crate::caller::{caller_id, set_caller_id};
use crate::channel::{channel, set_channel};
use crate::database::{db, db_delete, db_exists, db_keys, set_db};
use crate::math::math;
use crate::random::rand;
use crate::text::{cut, filter, len};
use crate::time::strftime;

functions! {
    "CALLERID" => caller_id / set_caller_id,
    "CHANNEL" => channel / set_channel,
    "CUT" => cut,
    "DB" => db / set_db,
    "DB_DELETE" => db_delete,
    "DB_EXISTS" => db_exists,
    "DB_KEYS" => db_keys,
    "FILTER" => filter,
    "LEN" => len,
    "MATH" => math,
    "RAND" => rand,
    "STRFTIME" => strftime,
}
