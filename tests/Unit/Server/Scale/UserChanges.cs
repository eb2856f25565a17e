using System.Diagnostics;
using System.Text.Json.Nodes;

namespace BorgStore.Tests.Server.Scale;

/// <summary>Adds, changes and removes users of a server while it runs, with its own commands, and waits until each change is in force.</summary>
/// <param name="url">The URL of the server.</param>
/// <param name="usersFile">The users file.</param>
/// <param name="rightsFile">The rights file.</param>
/// <param name="counts">Where requests are counted.</param>
internal sealed class UserChanges(string url, string usersFile, string rightsFile, RequestCounts counts)
{
    /// <summary>When a change must be in force. The server looks at its files once a second; the rest is for a busy machine, and for the pauses
    /// after failed logins.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private readonly List<CountedClient> _removed = [];

    /// <summary>The number of changes so far.</summary>
    public int Count { get; private set; }

    /// <summary>The longest time until a change was in force.</summary>
    public TimeSpan Slowest { get; private set; }

    /// <summary>The users who were removed.</summary>
    public IReadOnlyList<CountedClient> Removed => _removed;

    /// <summary>Adds a user, who works, and changes the user in every way until the user is removed; then the same with a token.</summary>
    /// <param name="number">A number that no earlier call had.</param>
    /// <param name="store">The only store that they may use.</param>
    /// <returns>What they have done in the store.</returns>
    public async Task<IReadOnlyList<CheckedClient>> RunAsync(int number, string store)
        => [await ChangeUserAsync($"guest{number}", store), await ChangeTokenAsync($"job{number}", store)];

    /// <summary>Gives a user a new password, and returns when it is in force.</summary>
    /// <param name="client">The client, who must not send anything meanwhile.</param>
    /// <param name="store">A store that the user may use.</param>
    public async Task ChangePasswordAsync(CountedClient client, string store)
    {
        var old = client.Password;
        client.Password += "-new";
        await RunCommandAsync(client.Password, "set", client.User, "--users", usersFile);
        await WaitAsync(client, store, 401, old);
        await WaitAsync(client, store, 200);
    }

    private async Task<CheckedClient> ChangeUserAsync(string name, string store)
    {
        var client = new CountedClient(url, name, "pear-" + name, counts);
        var user = new CheckedClient(client, name, new Random(1));
        await SetPermissionsAsync(name, store, "all");
        await RunCommandAsync(client.Password, "add", name, "--users", usersFile);
        await WaitAsync(client, store, 200);
        await WorkAsync(user, store);

        await SetPermissionsAsync(name, store, "read-only");
        // With the right to delete, there would be no such item.
        await WaitForAnswerAsync(client, new(name, "delete", HttpMethod.Delete, store, "data/none"), 403);
        await WaitAsync(client, store, 200);
        await SetPermissionsAsync(name, store, "none");
        await WaitAsync(client, store, 410);
        await SetPermissionsAsync(name, store, "all");
        await WaitAsync(client, store, 200);

        await ChangePasswordAsync(client, store);
        await WorkAsync(user, store);
        await RunCommandAsync(null, "remove", name, "--users", usersFile);
        await WaitAsync(client, store, 401);
        _removed.Add(client);
        return user;
    }

    private async Task<CheckedClient> ChangeTokenAsync(string name, string store)
    {
        var secret = await RunCommandAsync(null, "token", "add", name, "--rights", rightsFile, "--stores", $"{store}=all", "--expires", "1d");
        var client = new CountedClient(url, name, secret.Trim(), counts);
        var job = new CheckedClient(client, name, new Random(1));
        await WaitAsync(client, store, 200);
        await WorkAsync(job, store);
        await RunCommandAsync(null, "token", "remove", name, "--rights", rightsFile);
        await WaitAsync(client, store, 401);
        _removed.Add(client);
        return job;
    }

    private static async Task WorkAsync(CheckedClient client, string store)
    {
        for (var i = 0; i < 40; i++) await client.StepAsync(store);
    }

    private Task WaitAsync(CountedClient client, string store, int status, string? password = null)
        => WaitForAnswerAsync(client, new(client.User, "info", HttpMethod.Head, store, "data"), status, password);

    private async Task WaitForAnswerAsync(CountedClient client, ClientRequest request, int status, string? password = null)
    {
        var clock = Stopwatch.StartNew();
        // From another address each time, because failed logins slow down those from the same one.
        while ((await client.SendAsync(request, password, CountedClient.CreateAddress())).Status is var answered && answered != status)
        {
            Assert.True(clock.Elapsed < Limit, $"{request}: still {answered} and not {status} after {clock.Elapsed.TotalSeconds:f1} s");
            await Task.Delay(50);
        }
        Count++;
        if (clock.Elapsed > Slowest) Slowest = clock.Elapsed;
    }

    private async Task SetPermissionsAsync(string user, string store, string permissions)
    {
        var rights = JsonNode.Parse(await File.ReadAllTextAsync(rightsFile))!;
        rights["users"]![user] = new JsonObject { ["stores"] = new JsonObject { [store] = permissions } };
        await File.WriteAllTextAsync(rightsFile + ".new", rights.ToJsonString());
        File.Move(rightsFile + ".new", rightsFile, overwrite: true);
    }

    private static async Task<string> RunCommandAsync(string? password, params IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(ServerProcess.OurServer, ["user", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteLineAsync(password);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await errors);
        return output;
    }
}
