//! What a trace knows of a request: the span around it, whose number is sent along so that what the service does hangs below it
//! (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).
//!
//! Must never: tell a path, a query, a header or a body, which may name people; or send anything where nobody traces.

use tracing::Span;

use super::Request;

/// The header that carries it.
pub(super) const PARENT: &str = "traceparent";

/// A span for one request with everything that is tried for it.
pub(super) fn span(system: &str, request: &Request) -> Span {
    tracing::info_span!(
        target: "headcount::trace",
        "request",
        otel.kind = "client",
        system,
        http.request.method = request.method.as_str(),
        server.address = request.url.host_str().unwrap_or_default(),
    )
}

/// The number of the span that the request is in; none where nobody traces.
#[cfg(feature = "otel")]
pub(super) fn parent() -> Option<String> {
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let context = Span::current().context();
    let known = context.span().span_context().clone();
    let flags = u8::from(known.is_sampled());
    known.is_valid().then(|| format!("00-{}-{}-{flags:02x}", known.trace_id(), known.span_id()))
}

/// Built without traces there are none.
#[cfg(not(feature = "otel"))]
pub(super) fn parent() -> Option<String> {
    None
}
