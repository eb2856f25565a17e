using System.Net;

namespace BorgStore.Server.Stdio;

/// <summary>The end point of a process's stdin and stdout.</summary>
internal sealed class StdioEndPoint : EndPoint
{
    public override string ToString() => "stdin and stdout";
}
