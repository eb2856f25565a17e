using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Processes;

namespace BorgStore.PowerShell.Server;

/// <summary>Finds the server program, the one in the module or one installed as a tool, and explains its errors.</summary>
internal static partial class ServerProgram
{
    private const string Name = "borgstore-server-rest";
    private const string Prefix = Name + ": ";
    private const int UsageErrorStatus = 2;
    private const int MissingStatus = 3;
    private const int ExistsStatus = 4;

    // The exit code of the .NET host when a framework is missing; Unix keeps only its lowest byte.
    private const int FrameworkMissing = unchecked((int)0x80008096);

    private const int MinRuntimeVersion = 10;
    private static readonly string Executable = OperatingSystem.IsWindows() ? ".exe" : "";

    /// <summary>Advice on what to install for the server to run.</summary>
    public static string Advice { get; } =
        $"Install the ASP.NET Core Runtime {MinRuntimeVersion} or later, from https://dotnet.microsoft.com/download or as the package aspnetcore-runtime-{MinRuntimeVersion}.0 of the system.";

    /// <summary>Returns the program and the arguments that start the server.</summary>
    public static IReadOnlyList<string> Find()
    {
        var folder = Path.Combine(Path.GetDirectoryName(typeof(ServerProgram).Assembly.Location)!, "server");
        // Code compiled for this very system starts faster, if the module has it.
        string[] carried = [Path.Combine(folder, RuntimeInformation.RuntimeIdentifier, Name + ".dll"), Path.Combine(folder, Name + ".dll")];
        if (carried.FirstOrDefault(File.Exists) is { } server)
        {
            return FindDotNet() is { } dotnet
                ? [dotnet, server]
                : throw new StoreException(StoreError.NotSupported, $"The server needs .NET, and the program dotnet was not found. {Advice}");
        }
        return ProgramPath.Find(Name + Executable) is { } tool
            ? [tool]
            : throw new StoreException(StoreError.NotSupported,
                $"The server was found neither in the folder '{folder}' of the module nor on the PATH. Install the whole module, or the server with 'dotnet tool install --global BorgStore.Server'.");
    }

    /// <summary>Runs a command of the program that ends by itself.</summary>
    /// <param name="arguments">The arguments, which other users of the machine can see.</param>
    /// <param name="input">A line for its standard input, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Its output.</returns>
    /// <exception cref="StoreException">It failed, with its message.</exception>
    public static async Task<string> RunAsync(IEnumerable<string> arguments, string? input, CancellationToken cancellationToken)
    {
        var program = Find();
        await using var child = Launch(new(program[0], [.. program.Skip(1), .. arguments]));
        try
        {
            if (input is not null) await child.Stream.WriteAsync(Encoding.UTF8.GetBytes(input + "\n"), cancellationToken);
            await child.Stream.FlushAsync(cancellationToken);
        }
        catch (IOException)
        {
            // It ended without reading, and its message says why.
        }
        child.CloseInput();
        var output = await ReadAsync(child.Stream, cancellationToken);
        var status = await child.WaitAsync(TimeSpan.FromSeconds(10));
        return status == 0 && output is not null ? output : throw Explain(child, status, "");
    }

    // Returns null if the program ended without reading its input, which the system reports as a lost connection.
    private static async Task<string?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        try
        {
            return await reader.ReadToEndAsync(cancellationToken);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Starts the program.</summary>
    public static ChildProcess Launch(ChildCommand command)
    {
        try
        {
            return ChildProcess.Start(command);
        }
        catch (Win32Exception e)
        {
            throw new StoreException(StoreError.NotSupported, $"The server could not be started: {e.Message.TrimEnd('.')}. {Advice}", innerException: e);
        }
    }

    /// <summary>Returns the error of a program that has ended.</summary>
    /// <param name="child">The program.</param>
    /// <param name="status">Its exit status, or <see langword="null"/> if it is still running.</param>
    /// <param name="beginning">The beginning of the message.</param>
    public static StoreException Explain(ChildProcess child, int? status, string beginning)
    {
        if (status is { } code && (code & 0xff) == (FrameworkMissing & 0xff))
            return new(StoreError.NotSupported, $"The server needs a component of .NET that was not found. {Advice}");
        var words = FindWords(child.Errors) is { Length: > 0 } told ? told : $"it exited with status {status} without a message.";
        return new(status switch
        {
            UsageErrorStatus => StoreError.InvalidArgument,
            MissingStatus => StoreError.ObjectNotFound,
            ExistsStatus => StoreError.ObjectAlreadyExists,
            _ => StoreError.BackendFailure,
        }, beginning + words);
    }

    /// <summary>Returns the last message of the program, which follows its name; without one, any other output of the system or .NET.</summary>
    public static string FindWords(string errors)
        => errors.LastIndexOf(Prefix, StringComparison.Ordinal) is >= 0 and var start
            ? ServerSettings.Translate(errors[(start + Prefix.Length)..].Replace(" See --help.", "", StringComparison.Ordinal))
            : QuietLines().Replace(errors, "").Trim();

    // Looks in the same places as .NET's own programs, preferring an installation that can run the server.
    private static string? FindDotNet()
    {
        var name = "dotnet" + Executable;
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root && Path.Combine(root, name) is var chosen && File.Exists(chosen))
            return chosen;
        string?[] candidates = [ProgramPath.Find(name), .. InstallFolders().Select(folder => Path.Combine(folder, name))];
        var existing = candidates.OfType<string>().Where(File.Exists).ToList();
        return existing.FirstOrDefault(HasRuntime) ?? existing.FirstOrDefault();
    }

    private static IEnumerable<string> InstallFolders()
    {
        if (OperatingSystem.IsWindows())
        {
            return
            [
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "dotnet"),
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "Microsoft", "dotnet"),
            ];
        }
        var recorded = ReadInstallLocation() is { } location ? new[] { location } : [];
        return
        [
            .. recorded, "/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet"),
        ];
    }

    private static bool HasRuntime(string dotnet)
    {
        var file = new FileInfo(dotnet);
        var home = (file.ResolveLinkTarget(returnFinalTarget: true) ?? file) is FileInfo { DirectoryName: { } folder } ? folder : "";
        var runtimes = Path.Combine(home, "shared", "Microsoft.AspNetCore.App");
        return Directory.Exists(runtimes) && Directory.EnumerateDirectories(runtimes).Any(runtime =>
            int.TryParse(Path.GetFileName(runtime).Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major >= MinRuntimeVersion);
    }

    private static string? ReadInstallLocation()
    {
        const string file = "/etc/dotnet/install_location";
        return File.Exists(file) ? File.ReadLines(file).FirstOrDefault()?.Trim() : null;
    }

    // Matches log lines that are not about problems.
    [GeneratedRegex(@"^\S+Z (?:trace|debug|info ) .*\n?", RegexOptions.Multiline)]
    private static partial Regex QuietLines();
}
