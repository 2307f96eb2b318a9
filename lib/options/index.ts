export { type PluginScope, type PluginScopeOptions, readPluginScope } from './plugin-scope.ts'
export { checkProvider } from './provider.ts'
export { isSafeMethod, isWrite, readRoutePolicy, type RoutePolicy, type RouteShare } from './route-policy.ts'
