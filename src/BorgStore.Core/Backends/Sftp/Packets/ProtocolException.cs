namespace BorgStore.Backends.Sftp.Packets;

/// <summary>A violation of the protocol by the server. In a packet that belongs to no request it ends the connection, otherwise only the operation
/// that made the request. Callers of the backend never see it: <see cref="SftpBackend"/> throws a <see cref="StoreException"/> instead.</summary>
/// <param name="problem">What is wrong, as the end of a sentence.</param>
internal sealed class ProtocolException(string problem) : Exception(problem);
