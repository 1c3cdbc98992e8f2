import {
  type Attributes,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { StorageError } from "../errors/StorageError.ts";

export interface SpanOptions {
  /** Name of the span, e.g. `put users`. Never hold keys or values. */
  readonly name: string;
  /** Given as a function, they are made only where somebody traces. */
  readonly attributes?: Attributes | (() => Attributes);
  /** The tracer of `@workglow/util` by default. */
  readonly tracer?: Tracer;
}

/**
 * Runs `fn` in a span of its own, which ends with it. A failure sets the status and `error.type`
 * (the error's name); only the messages of storage errors are recorded, as a driver's may hold
 * values. Without a tracer provider this is `fn(undefined)`.
 */
export function withSpan<T>(
  options: SpanOptions,
  fn: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const tracer = options.tracer ?? activeTracer();
  if (tracer === undefined) return fn(undefined);
  const { attributes } = options;
  return tracer.startActiveSpan(
    options.name,
    {
      kind: SpanKind.CLIENT,
      attributes: typeof attributes === "function" ? attributes() : attributes,
    },
    (span) => runIn(span, fn),
  );
}

async function runIn<T>(span: Span, fn: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await fn(span);
  } catch (error) {
    recordFailure(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** The provider that a proxy stands for while none is set, to be known by its identity. */
let absentProvider: unknown;

function activeTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  if (provider instanceof ProxyTracerProvider) {
    absentProvider ??= new ProxyTracerProvider().getDelegate();
    if (provider.getDelegate() === absentProvider) return undefined;
  }
  return provider.getTracer("@workglow/util");
}

function recordFailure(span: Span, error: unknown): void {
  const type = error instanceof Error ? error.name : typeof error;
  const message = error instanceof StorageError ? error.message : undefined;
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.recordException(message === undefined ? { name: type } : { name: type, message });
}
