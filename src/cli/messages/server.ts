import type { ServerErrors } from '../../server/errors.ts';
import type { Messages } from '../command.ts';

export const serverMessages: Messages<ServerErrors> = {
  command_too_large: {
    exit: 'usage',
    text: () => 'The input is too large to send to the running server. Stop the server, then run the command again.',
  },
  server_stopped: {
    exit: 'noConnection',
    text: () => 'The server stopped before it answered. See its output, then run the command again.',
  },
  certificates_unusable: {
    exit: 'failed',
    text: ({ folder, reason }) =>
      `The certificates in ${folder} cannot be read or made: ${reason}. Remove that folder and start again.`,
  },
  key_rotation_too_short: {
    exit: 'usage',
    text: ({ rotationSeconds, leadSeconds }) =>
      `SIGNET_KEY_ROTATION (${rotationSeconds}) must be greater than SIGNET_KEY_LEAD (${leadSeconds}), because a key is published for that long before it signs. Raise the first or lower the second.`,
  },
  metrics_port_public: {
    exit: 'usage',
    text: ({ port }) =>
      `SIGNET_METRICS_PORT is the public port ${port}. Set it to another port, or unset it to turn metrics off.`,
  },
  port_in_use: {
    exit: 'conflict',
    text: ({ port, isDevelopment }) =>
      `Port ${port} is in use. Stop the program that uses it, or choose another port: SIGNET_PORT=${port + 1}${isDevelopment ? ` (or: npm start -- --port ${port + 1})` : ''}`,
  },
  address_unavailable: {
    exit: 'failed',
    text: ({ host, port, reason }) =>
      `Cannot listen on ${host}:${port} (${reason}). Set SIGNET_HOST and SIGNET_PORT to an address of this machine.`,
  },
  folder_lock_lost: {
    exit: 'failed',
    text: ({ folder }) =>
      `Another process took the lock of ${folder}. This server stops at once, because two processes in one folder lose data. Stop the other process, then start the server again.`,
  },
};
