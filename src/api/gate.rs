//! Whether a call that writes may leave, asked in the last moment in which it can still be held back.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Says whether calls may leave. It is asked when the body of a request is about to be written: one that never gets its
/// body is not carried out.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<dyn Fn() -> Result<(), Shut> + Send + Sync>>);

/// Why a call may not leave.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Shut(pub String);

impl Gate {
    /// One that is always open.
    pub fn open() -> Self {
        Gate::default()
    }

    pub fn new(may_leave: impl Fn() -> Result<(), Shut> + Send + Sync + 'static) -> Self {
        Gate(Some(Arc::new(may_leave)))
    }

    /// # Errors
    /// Nothing may leave now.
    pub fn check(&self) -> Result<(), Shut> {
        self.0.as_ref().map_or(Ok(()), |may_leave| may_leave())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Gate" } else { "Gate(open)" })
    }
}

/// A body that is written only through its gate.
pub(crate) struct Gated {
    bytes: Option<Bytes>,
    gate: Gate,
}

impl Gated {
    pub(crate) fn new(text: String, gate: &Gate) -> Self {
        Gated { bytes: Some(text.into()), gate: gate.clone() }
    }
}

impl http_body::Body for Gated {
    type Data = Bytes;
    type Error = Shut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Shut>>> {
        let bytes = self.bytes.take();
        Poll::Ready(bytes.map(|bytes| self.gate.check().map(|()| Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
