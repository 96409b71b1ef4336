import { z } from "zod";
import { routes } from "./routes.ts";
import type { Route } from "./routes.ts";

const ERROR = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
const EVENT = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("progress"),
    phase: z.string(),
    files: z.number(),
    bytes: z.number(),
    totalBytes: z.number().optional(),
  }),
  z.object({
    event: z.literal("warning"),
    code: z.string(),
    message: z.string(),
    path: z.string().optional(),
  }),
]);

/** The OpenAPI 3.1 document of the local API, made of the table of routes. */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(name, route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast local API",
      version,
      description: "HTTP on the UNIX socket holdfast.sock of the peer's home.",
    },
    paths,
  };
}

function operation(name: string, route: Route): Record<string, unknown> {
  const input = z.toJSONSchema(route.input, { io: "input" });
  const inBody = route.method === "POST" && route.streams === undefined;
  return {
    operationId: name,
    summary: route.summary,
    ...(inBody
      ? { requestBody: { required: true, content: { "application/json": { schema: input } } } }
      : { parameters: parametersOf(input) }),
    ...(route.streams === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/octet-stream": {} } } }),
    responses: {
      200: { description: route.summary, content: contentOf(route) },
      default: {
        description: "a failure",
        content: { "application/json": { schema: z.toJSONSchema(ERROR) } },
      },
    },
  };
}

function parametersOf(input: z.core.JSONSchema.BaseSchema): unknown[] {
  const required = new Set(input.required ?? []);
  return Object.entries(input.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.has(name),
    schema,
  }));
}

function contentOf(route: Route): Record<string, unknown> {
  if (route.answer === "bytes") return { "application/octet-stream": {} };
  if (route.answer === "json") {
    return { "application/json": { schema: z.toJSONSchema(route.result) } };
  }
  const last = [
    z.object({ event: z.literal("done"), result: route.result }),
    ERROR.extend({ event: z.literal("error") }),
  ] as const;
  return { "application/x-ndjson": { schema: z.toJSONSchema(z.union([EVENT, ...last])) } };
}
