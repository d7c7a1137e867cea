import type { TokenErrors } from '../../tokens/index.ts';
import type { Messages } from '../command.ts';

export const tokenMessages: Messages<TokenErrors> = {
  key_not_found: {
    exit: 'notFound',
    text: ({ kid }) => `There is no key ${kid}. To list the keys: npx signet keys list`,
  },
  key_gone: { exit: 'conflict', text: ({ kid }) => `The key ${kid} was removed before. There is nothing to do.` },
  key_removed_meanwhile: {
    exit: 'conflict',
    text: ({ kid }) => `Another command or server removed the key ${kid} first. To see the keys: npx signet keys list`,
  },
  keys_changed_meanwhile: {
    exit: 'conflict',
    text: () =>
      'Another command or server changed the keys at the same moment. Nothing was changed. Run the command again.',
  },
  key_algorithm_unused: {
    exit: 'conflict',
    text: ({ alg }) =>
      `No API and no client uses ${alg}. Its key is made with the first that does: npx signet api update AUDIENCE --alg ${alg}`,
  },
  master_key_wrong: {
    exit: 'failed',
    text: () =>
      'The signing keys in the database are sealed by another master key. Use the one that belongs to this database: SIGNET_MASTER_KEY_FILE, or keys/master.key.',
  },
  master_key_unchanged: {
    exit: 'usage',
    text: () => 'This master key seals the signing keys already. Give another one: openssl rand -hex 32 > FILE',
  },
};
