import Fastify from 'fastify';

const app = Fastify();
const schema = {
  response: {
    200: {
      type: 'object',
      properties: { status: { type: 'string' }, at: { type: 'integer' } },
      required: ['status', 'at'],
      additionalProperties: false,
    },
  },
};
app.get('/bare', { schema }, async () => ({ status: 'ok', at: 1 }));

// Pages that it was given, byte by byte.
const pages = new Map();
app.addContentTypeParser('text/html', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/pages/:name', async (request) => {
  pages.set(request.params.name, request.body);
  return {};
});
app.get('/pages/:name', async (request, reply) =>
  reply.type('text/html; charset=utf-8').send(pages.get(request.params.name)),
);
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
