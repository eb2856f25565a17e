using System.Globalization;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>How the user's own ssh is called. What <c>~/.ssh/config</c> says stays in force, except what would make it wait for
/// somebody or do what is not asked for here.</summary>
internal static class SshCommand
{
    /// <summary>The variable that names another program, with arguments as a shell would split them.</summary>
    public const string ProgramVariable = "BORGSTORE_RSH";

    /// <summary>The command for a server's sftp subsystem.</summary>
    /// <param name="url">The server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForSubsystem(SftpUrl url, params ReadOnlySpan<string> options) => Build(url, options, ["-s"], "sftp");

    /// <summary>The command for a program on a server.</summary>
    /// <param name="url">The server.</param>
    /// <param name="command">The program; a shell there reads it.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForProgram(SftpUrl url, string command, params ReadOnlySpan<string> options)
        => Build(url, options, [], command);

    /// <summary>The command that tells what the configuration says of a server, without calling it.</summary>
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
            "BatchMode=yes", // nobody is there to answer a question
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
