using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Access;

/// <summary>The address of the client of a request, which a proxy passes on in <c>X-Forwarded-For</c>. The header counts only from a trusted
/// proxy, because anyone can send it.</summary>
/// <param name="trusted">The addresses and networks of the proxies; <c>unix</c> for peers of a unix socket.</param>
internal sealed class ClientAddress(IEnumerable<string> trusted)
{
    private const string Unix = "unix";
    private readonly bool _trustsUnix = trusted.Contains(Unix);
    private readonly IPNetwork[] _networks = [.. trusted.Where(text => text != Unix).Select(ParseNetwork)];

    /// <summary>Returns the address of the client, or <c>local</c> for one without.</summary>
    public string Get(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        if (!IsTrusted(address)) return Format(address);
        // Each proxy appends the address of its own peer, so the last one that is no proxy is the client.
        foreach (var text in string.Join(',', context.Request.Headers["X-Forwarded-For"].AsEnumerable()).Split(',').Reverse())
        {
            if (!IPAddress.TryParse(text.Trim(), out var forwarded)) break;
            address = forwarded;
            if (!IsTrusted(address)) break;
        }
        return Format(address);
    }

    /// <summary>Returns whether a request comes from a trusted proxy.</summary>
    public bool IsFromProxy(HttpContext context) => IsTrusted(context.Connection.RemoteIpAddress);

    /// <summary>Parses an address or a network such as <c>10.0.0.0/8</c>.</summary>
    private static IPNetwork ParseNetwork(string text)
        => IPNetwork.TryParse(text, out var network) ? network
            : IPAddress.TryParse(text, out var address) ? new(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            : throw CommandLine.UsageError($"'--trusted-proxy {text}' is neither an address, nor a network such as 10.0.0.0/8, nor '{Unix}'.");

    private bool IsTrusted(IPAddress? address)
        => address is null ? _trustsUnix : _networks.Any(network => network.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));

    private static string Format(IPAddress? address) => address is null ? "local" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}
