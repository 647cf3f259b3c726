//! Which running server a command asks, and what to do when none answers.

use std::path::{Path, PathBuf};

use api::{Client, ClientError};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Failure, demo, socket};

/// Where a server keeps its data when nobody says otherwise.
pub(super) const DATA: &str = "/var/lib/jackfield";

/// Which running server a command asks.
#[derive(Args, Clone)]
pub(crate) struct Server {
    /// The server's data directory [default: $JACKFIELD_DATA, else jackfield-demo/data here, else /var/lib/jackfield].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

/// A data directory and who said so.
struct Place {
    dir: PathBuf,
    by: By,
}

enum By {
    Option,
    Environment,
    /// Nobody: the demo's if there is one, else the ordinary server's.
    Default,
}

impl Server {
    /// The server with this data directory.
    pub(super) fn of(data: &Path) -> Self {
        Self { data: Some(data.into()) }
    }

    /// The data directory that is asked for.
    pub(super) fn directory(&self) -> PathBuf {
        self.place().dir
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.client().get(path).await.map_err(|error| self.failure(error))
    }

    /// Orders something.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.client().post(path, body).await.map_err(|error| self.failure(error))
    }

    /// Removes something.
    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.client().delete(path).await.map_err(|error| self.failure(error))
    }

    fn client(&self) -> Client {
        Client::new(&socket(&self.place().dir))
    }

    fn place(&self) -> Place {
        let environment = || std::env::var_os("JACKFIELD_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
        let demo = demo_data();
        match (&self.data, environment()) {
            (Some(dir), _) => Place { dir: dir.clone(), by: By::Option },
            (None, Some(dir)) => Place { dir, by: By::Environment },
            (None, None) if socket(&demo).exists() => Place { dir: demo, by: By::Default },
            (None, None) => Place { dir: DATA.into(), by: By::Default },
        }
    }

    /// Where nobody answers, what was tried and what to do.
    fn failure(&self, error: ClientError) -> Failure {
        let ClientError::Unreachable { source, .. } = &error else { return error.into() };
        let place = self.place();
        let advice = advice(&place, source);
        let failure = Failure::from(error);
        Failure { message: format!("{failure}\n{advice}"), ..failure }
    }
}

fn demo_data() -> PathBuf {
    Path::new(demo::DEFAULT_DIR).join("data")
}

fn advice(place: &Place, error: &std::io::Error) -> String {
    let Place { dir, by } = place;
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return "Only the user that the server runs as may ask it.".into();
    }
    // Who names the demo's or the configuration's directory means the data beside it.
    let inside = [dir.join("data"), dir.parent().unwrap_or(dir).join("data")];
    if let Some(meant) = inside.iter().find(|meant| socket(meant).exists())
        && meant != dir
    {
        return format!("There is a server's socket in {0}: did you mean --data {0}?", meant.display());
    }
    let named = match by {
        By::Option => format!("No server runs with the data directory {}, which --data names.", dir.display()),
        By::Environment => {
            format!("No server runs with the data directory {}, which $JACKFIELD_DATA names.", dir.display())
        }
        By::Default if *dir == demo_data() => format!("The demo of ./{} is not running.", demo::DEFAULT_DIR),
        By::Default => format!("Neither a demo in ./{} nor a server with {DATA} is running.", demo::DEFAULT_DIR),
    };
    format!(
        "{named} Start the demo with `jackfield demo`, or name the data directory of another server with --data DIR."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> std::io::Error {
        std::io::ErrorKind::ConnectionRefused.into()
    }

    #[test]
    fn who_names_the_wrong_folder_is_told_the_right_one() {
        let demo = tempfile::tempdir().unwrap();
        let data = demo.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::create_dir(demo.path().join("config")).unwrap();
        std::fs::write(data.join("api.sock"), "").unwrap();
        for wrong in [demo.path().to_owned(), demo.path().join("config")] {
            let said = advice(&Place { dir: wrong, by: By::Option }, &refused());
            assert!(said.ends_with(&format!("did you mean --data {}?", data.display())), "{said}");
        }
        let said = advice(&Place { dir: data, by: By::Option }, &refused());
        assert!(said.starts_with("No server runs with the data directory"), "{said}");
    }

    #[test]
    fn without_a_word_both_places_are_named() {
        let said = advice(&Place { dir: DATA.into(), by: By::Default }, &refused());
        assert!(
            said.contains("./jackfield-demo") && said.contains(DATA) && said.contains("`jackfield demo`"),
            "{said}"
        );
    }
}
