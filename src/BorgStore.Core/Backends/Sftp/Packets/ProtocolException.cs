namespace BorgStore.Backends.Sftp.Packets;

/// <summary>The server sent what no server should. In a packet that cannot be assigned to a request it ends the connection, else only
/// the operation that made the request. No caller of the backend sees it: <see cref="SftpBackend"/> throws a <see cref="StoreException"/> instead.</summary>
/// <param name="problem">What is wrong, as the end of a sentence.</param>
internal sealed class ProtocolException(string problem) : Exception(problem);
