/**
 * users: who there is.
 * Owns: users, what their names and addresses may be, their creation, change, renaming and deletion.
 * Does not own: how a password is hashed (passwords), how a user signs in (signin), what a user may do (permissions).
 * Neighbours: permissions and passwords below; sessions and signin above.
 * Standards: Django's User and its username rules; NIST SP 800-63B-4.
 */
export { type DeletedUser, deleteUser, onUserDeleted } from './delete-user.ts';
export { User } from './entities.ts';
export { checkUser, type FieldError } from './fields.ts';
export { findUser, getUser, listUsers, lockUser, type UserRef, usersWithReservedNames } from './find-users.ts';
export { importedNameProblem } from './imported-name.ts';
export { readUsernames } from './names.ts';
export { type ActiveUser, type ActiveUserRow, activeUserColumns, findActiveUser, readActiveUser } from './queries.ts';
export { onUserRenamed, renameUser } from './rename-user.ts';
export { reservedName } from './reserved-names.ts';
export {
  auditObject,
  auditSnapshot,
  createUser,
  type NewUser,
  onUserDeactivated,
  type UserChange,
  updateUser,
  userPrincipal,
} from './users.ts';
export { type UsersWithPermOptions, type UserWithPerm, usersWithPerm } from './with-perm.ts';
