using System.ComponentModel;
using System.Globalization;
using BorgStore.Processes;

namespace BorgStore.Backends.Ssh;

/// <summary>The command lines for the user's own ssh. Settings in <c>~/.ssh/config</c> stay in
/// force, except those that would prompt or do something that is not wanted here.</summary>
internal static class SshCommand
{
    /// <summary>The environment variable with another program, including arguments, which are split like in a shell.</summary>
    public const string ProgramVariable = "BORGSTORE_RSH";

    /// <summary>Returns the command for a server's sftp subsystem.</summary>
    /// <param name="target">The server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForSubsystem(SshTarget target, params ReadOnlySpan<string> options) => Build(target, options, ["-s"], "sftp");

    /// <summary>Returns the command for a program on a server.</summary>
    /// <param name="target">The server.</param>
    /// <param name="command">The command, which is interpreted by a shell on the server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForProgram(SshTarget target, string command, params ReadOnlySpan<string> options)
        => Build(target, options, [], command);

    /// <summary>Returns the command that prints the configuration for a server, without connecting.</summary>
    /// <param name="target">The server.</param>
    /// <param name="options">More options, each <c>name=value</c>.</param>
    public static ChildCommand ForConfiguration(SshTarget target, params ReadOnlySpan<string> options) => Build(target, options, ["-G"]);

    /// <summary>Starts ssh.</summary>
    /// <param name="command">The command.</param>
    /// <exception cref="StoreException"><see cref="StoreError.NotSupported"/> if there is no such program.</exception>
    public static ChildProcess Start(ChildCommand command)
    {
        try
        {
            return ChildProcess.Start(command);
        }
        catch (Win32Exception e)
        {
            throw new StoreException(StoreError.NotSupported, ChildProcess.DescribeMissing(command.FileName, e,
                $"Install OpenSSH's client, or specify another program in {ProgramVariable}"), innerException: e);
        }
    }

    private static ChildCommand Build(SshTarget target, ReadOnlySpan<string> options, ReadOnlySpan<string> flags, params ReadOnlySpan<string> command)
    {
        var program = ShellWords.SplitLocal(Environment.GetEnvironmentVariable(ProgramVariable) ?? "");
        if (program.Count == 0) program = ["ssh"];
        var seconds = Math.Max(1, (int)(target.SilenceTimeout.TotalSeconds / 4)).ToString(CultureInfo.InvariantCulture);

        List<string> arguments = [.. program.Skip(1)];
        AddOptions(arguments,
        [
            "BatchMode=yes", // there is nobody to answer a prompt
            $"ConnectTimeout={(int)target.ConnectTimeout.TotalSeconds}",
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
        if (target.Port is { } port) arguments.AddRange(["-p", port.ToString(CultureInfo.InvariantCulture)]);
        if (target.User is { } user) arguments.AddRange(["-l", user]);
        arguments.AddRange([.. flags, "--", target.Host, .. command]);
        return new(program[0], arguments);
    }

    private static void AddOptions(List<string> arguments, ReadOnlySpan<string> options)
    {
        foreach (var option in options) arguments.AddRange(["-o", option]);
    }
}
