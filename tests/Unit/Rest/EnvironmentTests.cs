using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Tests that use environment variables of this process, which run one at a time.</summary>
[CollectionDefinition(nameof(EnvironmentTests))]
public sealed class EnvironmentTests
{
    public static void PutOurServerOnPath()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        var ours = Path.GetDirectoryName(ServerProcess.OurServer)!;
        if (!path.StartsWith(ours, StringComparison.Ordinal)) Environment.SetEnvironmentVariable("PATH", ours + Path.PathSeparator + path);
    }
}
