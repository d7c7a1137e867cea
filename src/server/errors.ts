import { domainErrors, type NoParams } from '../platform/errors.ts';

/** The refusals of this room, with what a message about each names. `reason`: the text or the code of the system. */
export interface ServerErrors {
  /** A command cannot be sent to the running server. */
  readonly command_too_large: NoParams;
  /** The running server stopped before it answered a command. */
  readonly server_stopped: NoParams;
  readonly certificates_unusable: { readonly folder: string; readonly reason: string };
  /** A key signs only after it was published for the lead time. */
  readonly key_rotation_too_short: { readonly rotationSeconds: number; readonly leadSeconds: number };
  /** Metrics would be on the public port. */
  readonly metrics_port_public: { readonly port: number };
  readonly port_in_use: { readonly port: number; readonly isDevelopment: boolean };
  readonly address_unavailable: { readonly host: string; readonly port: number; readonly reason: string };
  /** Another process took the lock of the data folder. */
  readonly folder_lock_lost: { readonly folder: string };
}

export const serverError = domainErrors<ServerErrors>();
