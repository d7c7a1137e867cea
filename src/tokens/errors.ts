import { domainErrors, type NoParams } from '../platform/errors.ts';
import type { SigningKey } from './entities.ts';

/** The refusals of this room, with what a message about each names. */
export interface TokenErrors {
  readonly key_not_found: { readonly kid: string };
  readonly key_gone: { readonly kid: string };
  /** Another process removed the key before this one could. */
  readonly key_removed_meanwhile: { readonly kid: string };
  /** Another process changed the keys before this one could. */
  readonly keys_changed_meanwhile: NoParams;
  /** No API and no client uses the algorithm. */
  readonly key_algorithm_unused: { readonly alg: SigningKey['alg'] };
  /** Another master key sealed the signing keys. */
  readonly master_key_wrong: NoParams;
  /** The new master key is the present one. */
  readonly master_key_unchanged: NoParams;
}

export const tokenError = domainErrors<TokenErrors>();

/** The refusals of status lists, which only programs meet. */
export interface StatusListErrors {
  /** Lists of the past are not kept. */
  readonly status_list_past: NoParams;
  readonly status_list_type: { readonly type: string };
}

export const statusListError = domainErrors<StatusListErrors>();
