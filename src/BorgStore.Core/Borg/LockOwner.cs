using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace BorgStore.Borg;

/// <summary>The owners of locks: this process, and whether others on this machine are still alive.</summary>
internal static class LockOwner
{
    /// <summary>The environment variable in which users give the host an identifier of its own, as for Borg.</summary>
    public const string HostIdVariable = "BORG_HOST_ID";

    // Where the name server does not respond, the short name has to do.
    private static readonly TimeSpan NameTimeout = TimeSpan.FromSeconds(2);

    private static readonly Lazy<string> FullName = new(FindFullName);
    private static readonly Lazy<string[]> Nodes = new(FindNodes);

    /// <summary>The identifier of this machine: its full name and the address of a network adapter, as a number.</summary>
    public static string HostId => Environment.GetEnvironmentVariable(HostIdVariable) is { Length: > 0 } given ? given
        : $"{FullName.Value}@{Nodes.Value.FirstOrDefault() ?? "0"}";

    /// <summary>Returns whether an identifier is this machine's.</summary>
    /// <param name="hostId">The identifier. Of several network adapters, Borg may have chosen another one. Where it finds none, it
    /// takes a random number, and the machine is not recognised.</param>
    public static bool IsThisHost(string hostId)
    {
        if (hostId == HostId) return true;
        var at = hostId.LastIndexOf('@');
        return at > 0 && hostId[..at] == FullName.Value && Nodes.Value.Contains(hostId[(at + 1)..]);
    }

    /// <summary>Returns whether the owner is known to have ended.</summary>
    /// <param name="hostId">The identifier of its host.</param>
    /// <param name="processId">Its process.</param>
    public static bool HasEnded(string hostId, int processId)
    {
        if (!IsThisHost(hostId)) return false;
        try
        {
            using var process = Process.GetProcessById(processId);
            return false;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    private static string FindFullName()
    {
        var name = Dns.GetHostName();
        try
        {
            using var timeout = new CancellationTokenSource(NameTimeout);
            var found = Dns.GetHostEntryAsync(name, timeout.Token);
            return found.Wait(NameTimeout) && found.Result.HostName is { Length: > 0 } full ? full : name;
        }
        catch (AggregateException e) when (e.InnerException is SocketException or OperationCanceledException)
        {
            return name;
        }
    }

    private static string[] FindNodes()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                .Select(adapter => adapter.GetPhysicalAddress().GetAddressBytes())
                .Where(address => address.Length == 6 && address.Any(part => part != 0))
                .Select(address => address.Aggregate(0L, (number, part) => (number << 8) | part).ToString(CultureInfo.InvariantCulture))];
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }
}
