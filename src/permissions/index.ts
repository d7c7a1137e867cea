/**
 * permissions: the rights of users and clients.
 * Owns: APIs, their models, permissions and catalogue (append-only indexes, version, hash), groups, memberships, assignments,
 * per-API flags, the evaluation of has_perm, bulk changes for imports, and the views that other rooms join.
 * Does not own: identities. Of a principal this room has only {kind, id, isActive, isSuperuser}.
 * Neighbours: audit below; users, tokens and oauth above.
 * Standards: Django's permission semantics (django.contrib.auth).
 */
export {
  type ApiSettings,
  apiAudience,
  apisWithUsername,
  beforeAudience,
  beforeTypJwt,
  createApi,
  ensureOwnApi,
  findApi,
  getApi,
  listApiAlgorithms,
  listApis,
  settingValues,
  updateApi,
} from './apis.ts';
export { type Assignee, assign, setRole, unassign } from './assignments.ts';
export { audienceKey, OWN_AUDIENCE } from './audience.ts';
export {
  analyzePermissions,
  deleteAssignments,
  deleteGroupPermissions,
  deleteMembers,
  freeGroupNames,
  haveGroupsChanged,
  insertAssignments,
  insertGroupPermissions,
  insertGroups,
  insertMembers,
  insertPrincipals,
  lockGroups,
  readGroupSnapshots,
  renameGroups,
  setRoles,
} from './bulk.ts';
export { type ApiVersion, createPermissionCache, type PermissionCache } from './cache.ts';
export {
  announceCatalogueChange,
  CATALOGUE_TOPIC,
  type CatalogueChange,
  catalogueHash,
  changeCatalogue,
  defaultPermissions,
  getPermissions,
  listModels,
  listPermissionHistory,
  listPermissions,
  type PermissionSpec,
} from './catalogue.ts';
export { type CachedCatalogue, type CatalogueCache, createCatalogueCache } from './catalogue-cache.ts';
export type { CatalogueDocument } from './catalogue-document.ts';
export { type ApiContents, deleteApi, type OnApiDeleted, readApiContents } from './delete-api.ts';
export {
  Api,
  Group,
  GroupMember,
  GroupPermission,
  Permission,
  Principal,
} from './entities.ts';
export { type PermissionErrors, permissionError } from './errors.ts';
export { explainPermissions, getGroupPermissions, type Source } from './explain.ts';
export { FAN_OUT_TOPIC, runFanOut, runFanOutBatch } from './fan-out.ts';
export {
  addMembers,
  createGroup,
  deleteGroup,
  getGroup,
  groupNameProblem,
  listGroups,
  listMembers,
  type PrincipalLabel,
  readGroups,
  removeMembers,
  renameGroup,
} from './groups.ts';
export {
  type CatalogueState,
  getAllPermissions,
  hasModulePerms,
  hasPerm,
  hasPerms,
  type IndexedPermission,
  limitRights,
  modulePerms,
  noRights,
  type Rights,
} from './has-perm.ts';
export { invalidateRights, readSuperusers } from './invalidate.ts';
export {
  type AffectedPrincipals,
  bumpPrincipals,
  createPrincipal,
  lockApis,
  onRightsChanged,
  type PrincipalRef,
  type RightsChange,
} from './principal.ts';
export { type ApiSnapshot, readRights } from './queries.ts';
export { type RevokedAssignments, revokeAll } from './revoke-all.ts';
export { type AssignedRole, type FormerAssignee, formerAssignees, listGroupPermissions, readRoles } from './roles.ts';
export {
  type ApiFile,
  DocumentError,
  type DocumentIssue,
  type IssueCodes,
  MAX_CODENAME_LENGTH,
  MAX_LABEL_LENGTH,
  MAX_PERMISSIONS,
  readApiFile,
  readApps,
} from './sync-file.ts';
export { type LargePrincipal, largestPrincipals } from './token-size.ts';
export {
  apiVersion,
  apiView,
  assignmentView,
  groupMemberView,
  groupView,
  livePermission,
  lockApiOf,
  lockPrincipals,
  permissionView,
  permsVersion,
  principalView,
  roleView,
} from './views.ts';
export {
  findPermissionRef,
  type PermissionRef,
  type PermSource,
  principalsWithPerm,
  readPermSources,
} from './with-perm.ts';
