/**
 * users: the users of this server.
 * Owns: users, the rules for names and addresses, creation, change, renaming and deletion of users, bulk changes for imports, and the view
 *   that other rooms join.
 * Does not own: password hashes (passwords), sign-in (signin), rights (permissions).
 * Neighbours: permissions and passwords below; sessions and signin above.
 * Standards: Django's User and its username rules; NIST SP 800-63B-4.
 */
export {
  analyzeUsers,
  freeUserNames,
  haveUsersChanged,
  insertUsers,
  lockUsersForUpdate,
  readUserSnapshots,
  type UserSnapshot,
  updateUsers,
} from './bulk.ts';
export { type DeletedUser, deleteUser, onUserDeleted } from './delete-user.ts';
export { User } from './entities.ts';
export { type UserErrors, userError } from './errors.ts';
export { checkUser, type FieldError, type UserFields } from './fields.ts';
export {
  findUser,
  getUser,
  listUsers,
  lockUser,
  readUsernames,
  type UserRef,
  usersWithReservedNames,
} from './find-users.ts';
export {
  type ActiveUser,
  type ActiveUserRow,
  activeUserColumns,
  findActiveUser,
  findUserId,
  holdActiveUser,
  readActiveUser,
  readCredentials,
  readImportedPasswords,
} from './queries.ts';
export { onUserRenamed, renameUser } from './rename-user.ts';
export { type ImportedNameProblem, importedNameProblem, reservedName } from './username-rules.ts';
export {
  auditObject,
  createUser,
  type NewUser,
  onUserDeactivated,
  type UserChange,
  updateUser,
  userPrincipal,
} from './users.ts';
export { activeUser, activeUserSince, lockActiveUserOf, userView } from './views.ts';
export { type UsersWithPermOptions, type UserWithPerm, usersWithPerm } from './with-perm.ts';
