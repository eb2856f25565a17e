using BorgStore.Backends.Files;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rest;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.Sftp;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>URLs of stores: parsed or refused, and never shown with their secret.</summary>
/// <remarks>An input is a URL, or <c>BEFORE~NOISE~NOISE~AFTER</c> for <c>BEFORE:NOISESECRETNOISE@AFTER</c>.</remarks>
internal sealed class UrlTarget : IFuzzTarget
{
    private const string Secret = "SECRET";

    public IReadOnlyList<string> Tokens =>
    [
        "~", "@", ":", "//", "/", "?", "#", "%", "%00", "%40", "%2F", "[::1]", ",", "=", "'", "\"", "http:", "https://", "http+unix://", "rest://", "sftp://", "s3:", "b2:", "rclone:", "file://",
        "C:/", "timeout=2", "region=x", "path-style=true", "transport=ssh", "pass=", "xn--", "localhost", "é", "\\",
    ];

    private static readonly Action<string>[] Parsers =
    [
        url => StoreUrl.GetScheme(url), UseRest, url => S3Url.Parse(url), url => SftpUrl.Parse(url), url => FileUrl.Parse(url, windows: false), url => FileUrl.Parse(url, windows: true),
        url => { if (url.StartsWith("rclone:", StringComparison.Ordinal)) RcloneTarget.Parse(url); },
        url => throw new StoreException(StoreError.BackendFailure, $"Could not open '{StoreUrl.Redact(url)}'.", StoreUrl.Redact(url)),
    ];

    public void Run(byte[] input)
    {
        foreach (var text in Check.Texts(input))
        {
            var parts = text.Split('~');
            if (parts.Length == 4) CheckSecret(parts[0], parts[1] + Secret + parts[2], parts[3]);
            var shown = StoreUrl.Redact(text);
            Check.Equal(shown, StoreUrl.Redact(shown), "a URL that is redacted twice");
            foreach (var parse in Parsers) Check.IsRefused(() => parse(text));
        }
    }

    private static void CheckSecret(string before, string secret, string after)
    {
        // If only a scheme is left, the secret is in the place of the user.
        if (before.AsSpan().IndexOfAny(":/") < 0 || after.Contains(Secret, StringComparison.Ordinal)) return;
        var url = $"{before}:{secret}@{after}";
        // Such URLs have a folder or a remote there, and no secret.
        if (url.StartsWith("file:///", StringComparison.OrdinalIgnoreCase) || url.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase)) return;
        var shown = StoreUrl.Redact(url);
        Check.That(!shown.Contains(Secret, StringComparison.Ordinal), () => $"'{url}' is shown as '{shown}'.");
        foreach (var parse in Parsers)
        {
            try
            {
                parse(url);
            }
            catch (StoreException e)
            {
                Check.That(!e.ToString().Contains(Secret, StringComparison.Ordinal), () => $"The error of '{url}' shows its secret: {e}");
            }
        }
    }

    // Uses a URL as far as possible without connecting.
    private static void UseRest(string url)
    {
        var transport = new RestTransport(RestAddress.Parse(url, remoteShell: "ssh"));
        transport.CreateRequest(HttpMethod.Get, "/data/a").Dispose();
        transport.CreateHealthRequest().Dispose();
        transport.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
