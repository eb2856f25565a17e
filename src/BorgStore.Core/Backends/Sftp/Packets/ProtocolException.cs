namespace BorgStore.Backends.Sftp.Packets;

/// <summary>The server sent what no server should. Ends the connection.</summary>
/// <param name="problem">What is wrong, as the end of a sentence.</param>
internal sealed class ProtocolException(string problem) : Exception(problem);
