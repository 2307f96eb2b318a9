export { checkFamilies, readRemoteOptions, remoteOptionNames, type RemoteOptions, statusAnswer } from './answers.ts'
export { httpClient, type HttpClient, type HttpReply, type HttpRequest, parseJson } from './client.ts'
export { httpProvider, type HttpProviderOptions } from './http-provider.ts'
