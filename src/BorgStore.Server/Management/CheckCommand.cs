using BorgStore.Server.Access;
using BorgStore.Server.Hosting;
using BorgStore.Server.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace BorgStore.Server.Management;

/// <summary>The command <c>check</c>: finds all that is wrong with the options of a server and their files, before a restart does.</summary>
internal static class CheckCommand
{
    /// <summary>Runs the command.</summary>
    /// <param name="args">The options of the server.</param>
    /// <param name="output">The output: a line for each problem.</param>
    /// <returns>The exit code: 0 if the server can start.</returns>
    public static int Run(IReadOnlyList<string> args, TextWriter output)
    {
        var problems = new List<string>();
        var mistakes = new List<string>();
        ServerOptions? options = null;
        Try(() => options = CommandLine.Parse(args));
        if (options is not null) Check(options);
        foreach (var problem in problems) output.WriteLine($"error: {problem}");
        foreach (var mistake in mistakes) output.WriteLine($"warning: {mistake}");
        if (problems.Count == 0) output.WriteLine("The server can start with these options.");
        return problems.Count == 0 ? 0 : 2;

        void Check(ServerOptions given)
        {
            PasswordFile? passwords = null;
            var rights = Rights.Unlimited;
            mistakes.AddRange(given.Warnings);
            if (given.Root is not null)
            {
                Try(() =>
                {
                    if (StoreRoot.DescribeProblem(StoreRoot.Resolve(given.Root)) is { } problem) throw CommandLine.UsageError($"'--root': {problem}");
                });
            }
            if (given.UsersFile is { } users) Try(() => passwords = ReloadedFile<PasswordFile>.Read(users, PasswordFile.Parse));
            if (given.RightsFile is { } file) Try(() => rights = ReloadedFile<Rights>.Read(file, (text, path) => RightsCheck.Parse(text, path, given)));
            else Try(() => rights = RightsCheck.Combine(rights, given));
            mistakes.AddRange(RightsCheck.FindMistakes(rights, passwords, DateTimeOffset.UtcNow));
            if (given.Certificate is { } certificate) Try(() => _ = new CertificateFile(certificate, given.CertificateKey, NullLogger.Instance));
            if (given.ClientAuthority is { } authority) Try(() => _ = new ClientCertificates(authority));
            Try(() => _ = new ClientAddress(given.TrustedProxies));
            // Whatever else the server refuses.
            if (problems.Count == 0) Try(() => new RestServer(given, TextWriter.Null).DisposeAsync().AsTask().GetAwaiter().GetResult());
        }

        void Try(Action check)
        {
            try
            {
                check();
            }
            catch (Exception e) when (e is StoreException or IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
            {
                problems.Add(e.Message);
            }
        }
    }
}
