import type { Command } from '../command.ts';
import { health } from '../health.ts';
import { apiCreate, apiList, apiShow, apiUpdate } from './api.ts';
import { apiCheck } from './api-check.ts';
import { apiConstants } from './api-constants.ts';
import { apiDelete } from './api-delete.ts';
import { apiSync } from './api-sync.ts';
import { changepassword } from './changepassword.ts';
import {
  clientCreate,
  clientDelete,
  clientDisable,
  clientEnable,
  clientList,
  clientRotateSecret,
  clientShow,
  clientUpdate,
} from './client.ts';
import { clientAllow, clientDisallow } from './client-boundary.ts';
import { clientRegistrationToken } from './client-registration.ts';
import { config } from './config.ts';
import { createsuperuser } from './createsuperuser.ts';
import { dev } from './dev.ts';
import { doctor } from './doctor.ts';
import { grantEnd, grantList } from './grant.ts';
import { groupAdd, groupCreate, groupDelete, groupList, groupRemove, groupShow, groupUpdate } from './group.ts';
import { importDjangoCommand } from './import-django.ts';
import { keysList, keysRevoke, keysRewrap, keysRotate } from './keys.ts';
import { migrate } from './migrate.ts';
import { openapi } from './openapi.ts';
import { permGrant, permList, permRevoke } from './perm.ts';
import { permHolders } from './perm-holders.ts';
import { sample } from './sample.ts';
import { sessionEnd, sessionList } from './session.ts';
import { setupLink } from './setup-link.ts';
import { start } from './start.ts';
import { tokenInspect } from './token-inspect.ts';
import { tokenIssue } from './token-issue.ts';
import { tokenVerify } from './token-verify.ts';
import { userActivate, userCreate, userDeactivate, userRename, userUpdate } from './user.ts';
import { userDelete } from './user-delete.ts';
import { userList, userShow } from './user-show.ts';

/** Every command, in the order of `signet --help`. */
export const commands: readonly Command[] = [
  ...[start, dev, migrate, health, doctor, config, openapi, sample],
  ...[setupLink, createsuperuser, changepassword],
  ...[userCreate, userUpdate, userRename, userList, userShow, userActivate, userDeactivate, userDelete],
  ...[groupCreate, groupList, groupShow, groupUpdate, groupAdd, groupRemove, groupDelete],
  ...[permGrant, permRevoke, permList, permHolders],
  ...[apiCreate, apiUpdate, apiList, apiShow, apiSync, apiCheck, apiConstants, apiDelete],
  ...[clientCreate, clientUpdate, clientList, clientShow, clientAllow, clientDisallow],
  ...[clientRotateSecret, clientDisable, clientEnable, clientDelete, clientRegistrationToken],
  ...[sessionList, sessionEnd, grantList, grantEnd],
  ...[tokenIssue, tokenInspect, tokenVerify],
  ...[keysList, keysRotate, keysRevoke, keysRewrap],
  importDjangoCommand,
];
