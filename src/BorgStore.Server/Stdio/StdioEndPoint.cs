using System.Net;

namespace BorgStore.Server.Stdio;

/// <summary>The one connection of a process: its stdin and stdout.</summary>
internal sealed class StdioEndPoint : EndPoint
{
    public override string ToString() => "stdin and stdout";
}
