//! The server's end of the socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::control::Control;
use crate::routes;

/// A path longer than this does not fit into a socket address (`sun_path`).
const PATH_BYTES_MAX: usize = 107;

/// Why the API does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another server answers there: two servers on one data directory would ruin it.
    #[error("another server is running on {}", .0.display())]
    Running(PathBuf),
    /// The socket could not be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The listening API. Dropping it stops listening at once; [`Server::stop`] lets requests finish.
#[derive(Debug)]
pub struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
    path: PathBuf,
}

/// Listens on a Unix socket that only its owner may open. A socket that a killed server left behind is replaced.
pub async fn serve<C: Control>(path: &Path, control: Arc<C>) -> Result<Server, ServeError> {
    let failed = |source| ServeError::Listen { path: path.into(), source };
    if path.as_os_str().len() > PATH_BYTES_MAX {
        let text = format!("the path is longer than {PATH_BYTES_MAX} bytes; use a shorter data directory");
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, text)));
    }
    match UnixStream::connect(path).await {
        Ok(_) => return Err(ServeError::Running(path.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => std::fs::remove_file(path).map_err(failed)?,
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, routes::router(control)).with_graceful_shutdown(async move {
        if stopped.await.is_err() {
            tracing::debug!("the API's owner is gone");
        }
    });
    Ok(Server { stop, task: tokio::spawn(serving.into_future()), path: path.into() })
}

impl Server {
    /// Stops listening, lets requests finish, removes the socket.
    pub async fn stop(self) {
        if self.stop.send(()).is_err() {
            tracing::debug!("the API had ended already");
        }
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the API ended badly"),
            Err(error) => tracing::warn!(%error, "the API's task ended badly"),
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "the socket was gone already");
        }
    }
}

#[cfg(test)]
mod tests;
