/**
 * For a route that answers one of several shapes: Fastify's own serializer would validate every answer against each of them to
 * find which one it is. What the handler built is written as it is; the tests hold it to the document.
 */
export const asBuilt = { serializerCompiler: () => (answer: unknown) => JSON.stringify(answer) } as const;
