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
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
