using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using BorgStore.Tests.Server.Users;

namespace BorgStore.Tests.Server.Page;

/// <summary>The page for administrators in Chromium, used by <c>tests/browser/page.test.mjs</c>.</summary>
public sealed class BrowserTests
{
    private static readonly string? Browser = new[] { "/usr/bin/chromium", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);

    private const string ShotsVariable = "BORGSTORE_TEST_SHOTS";

    [Fact]
    public async Task The_page_is_used_in_a_browser()
    {
        var scripts = FindScripts();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Chromium runs on the system itself, not in Wine.");
        Assert.SkipWhen(scripts is null, "tests/browser is not above the test's program.");
        Assert.SkipWhen(Browser is null, "There is no Chromium; tests/servers/install.sh installs it on Debian.");
        Assert.SkipUnless(Directory.Exists(Path.Combine(scripts!, "node_modules", "playwright-core")), "Playwright is not installed; tests/servers/install.sh does that, or 'npm ci' in tests/browser.");

        using var folder = new TemporaryFolder();
        MakeStores(folder.Combine("root"));
        File.WriteAllText(folder.Combine("users"), $"root:{UsersServer.Hash("fig")}\nanna:{UsersServer.Hash("pear")}\n");
        File.WriteAllText(folder.Combine("rights.json"), """
            { "users": { "root": { "admin": true }, "anna": { "stores": { "annas": "all" } } }, "stores": { "photos": { "quota": 10000 } } }
            """);
        var (server, url) = await ServerProcess.StartOurServerAsync(
            // So that a verification takes long enough to be watched.
            new Dictionary<string, string> { ["BORGSTORE_LATENCY"] = "60000" },
            "--root", folder.Combine("root"), "--users", folder.Combine("users"), "--rights", folder.Combine("rights.json"), "--port", "0", "--page");
        await using (server)
        {
            var (exitCode, output) = await RunAsync(scripts!, $"{url}/-/");
            Assert.True(exitCode == 0, $"{output}\n{server.Output}");
            Assert.Contains("# pass 10", output, StringComparison.Ordinal);
        }
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string scripts, string url)
    {
        var start = new ProcessStartInfo("node", ["--test", "--test-reporter=tap", "page.test.mjs"]) { WorkingDirectory = scripts, RedirectStandardOutput = true };
        start.Environment["PAGE_URL"] = url;
        start.Environment["PAGE_BROWSER"] = Browser;
        if (Environment.GetEnvironmentVariable(ShotsVariable) is { Length: > 0 } shots) start.Environment["PAGE_SHOTS"] = shots;
        using var node = Process.Start(start)!;
        try
        {
            var output = await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await node.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (node.ExitCode, output);
        }
        finally
        {
            if (!node.HasExited) node.Kill(entireProcessTree: true);
        }
    }

    private static void MakeStores(string root)
    {
        var photos = Path.Combine(root, "photos", "data");
        Directory.CreateDirectory(photos);
        for (var i = 0; i < 59; i++) File.WriteAllText(Path.Combine(photos, Hash($"photo {i}")), $"photo {i}");
        File.WriteAllText(Path.Combine(photos, Hash("whole")), "damaged");
        File.WriteAllText(Path.Combine(photos, "<img src=x onerror=alert(1)>"), "");
        Directory.CreateDirectory(Path.Combine(root, "annas", "data"));
        File.WriteAllText(Path.Combine(root, "annas", "data", Hash("value")), "value");
    }

    private static string Hash(string value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)));

    private static string? FindScripts()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (Path.Combine(folder, "tests", "browser") is var scripts && File.Exists(Path.Combine(scripts, "package.json"))) return scripts;
        return null;
    }
}
