//! Traces by OTLP, where `OTEL_EXPORTER_OTLP_ENDPOINT` says who wants them: a span each for a read, a plan, a run, a change and a request.
//!
//! Must never: tell whom something is about; spans have systems, actions and numbers. Nor hold anything up: what nobody takes is dropped.

use std::sync::OnceLock;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::report::Failure;

/// Who wants traces, as every program is told (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The parts whose spans are told.
const SPANS: [&str; 2] = ["headcount::run", "headcount::trace"];

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What hears of spans; nothing where nobody wants them.
pub fn layer<S: Subscriber + for<'s> LookupSpan<'s>>() -> Result<Option<impl Layer<S>>, Failure> {
    let Some(endpoint) = std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.trim().is_empty()) else { return Ok(None) };
    let exporter =
        SpanExporter::builder().with_http().with_endpoint(format!("{}/v1/traces", endpoint.trim().trim_end_matches('/'))).build();
    let exporter = exporter.map_err(|error| {
        Failure::usage(format!("{ENDPOINT}: traces can't be sent to it: {error}"))
            .hint("name a collector that takes OTLP over HTTP: http://127.0.0.1:4318")
    })?;
    let resource = Resource::builder().with_service_name("headcount").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let tracer: Tracer = provider.tracer("headcount");
    let _ = PROVIDER.set(provider);
    let wanted = SPANS.into_iter().fold(Targets::new(), |wanted, part| wanted.with_target(part, LevelFilter::INFO));
    Ok(Some(OpenTelemetryLayer::new(tracer).with_location(false).with_threads(false).with_filter(wanted)))
}

/// What was not sent yet is sent.
pub fn end() {
    if let Some(provider) = PROVIDER.get() {
        // Whoever collects traces may be away: that is no trouble of the command.
        let _ = provider.shutdown();
    }
}
