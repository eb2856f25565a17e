using System.Globalization;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>The command lines for the user's own ssh. Settings in <c>~/.ssh/config</c> stay in
/// force, except those that would prompt or do something that is not wanted here.</summary>
internal static class SshCommand
{
    /// <summary>The environment variable with another program, including arguments, which are split like in a shell.</summary>
    public const string ProgramVariable = "BORGSTORE_RSH";

    /// <summary>Returns the command for a server's sftp subsystem.</summary>
    /// <param name="url">The server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForSubsystem(SftpUrl url, params ReadOnlySpan<string> options) => Build(url, options, ["-s"], "sftp");

    /// <summary>Returns the command for a program on a server.</summary>
    /// <param name="url">The server.</param>
    /// <param name="command">The command, which is interpreted by a shell on the server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForProgram(SftpUrl url, string command, params ReadOnlySpan<string> options)
        => Build(url, options, [], command);

    /// <summary>Returns the command that prints the configuration for a server, without connecting.</summary>
    /// <param name="url">The server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForConfiguration(SftpUrl url, params ReadOnlySpan<string> options) => Build(url, options, ["-G"]);

    private static ChildCommand Build(SftpUrl url, ReadOnlySpan<string> options, ReadOnlySpan<string> flags, params ReadOnlySpan<string> command)
    {
        var program = ShellWords.SplitLocal(Environment.GetEnvironmentVariable(ProgramVariable) ?? "");
        if (program.Count == 0) program = ["ssh"];
        var seconds = Math.Max(1, (int)(url.Timeout.TotalSeconds / 4)).ToString(CultureInfo.InvariantCulture);

        List<string> arguments = [.. program.Skip(1)];
        AddOptions(arguments,
        [
            "BatchMode=yes", // there is nobody to answer a prompt
            $"ConnectTimeout={(int)url.Timeout.TotalSeconds}",
            $"ServerAliveInterval={seconds}",
            "ServerAliveCountMax=3",
            "ForwardX11=no",
            "ForwardAgent=no",
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "RequestTTY=no",
        ]);
        AddOptions(arguments, options);
        if (url.Port is { } port) arguments.AddRange(["-p", port.ToString(CultureInfo.InvariantCulture)]);
        if (url.User is { } user) arguments.AddRange(["-l", user]);
        arguments.AddRange([.. flags, "--", url.Host, .. command]);
        return new(program[0], arguments);
    }

    private static void AddOptions(List<string> arguments, ReadOnlySpan<string> options)
    {
        foreach (var option in options) arguments.AddRange(["-o", option]);
    }
}
