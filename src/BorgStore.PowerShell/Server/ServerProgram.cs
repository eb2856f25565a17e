using System.Globalization;
using System.Runtime.InteropServices;
using BorgStore.Processes;

namespace BorgStore.PowerShell.Server;

/// <summary>Finds the server program: the one in the module, or one installed as a tool.</summary>
internal static class ServerProgram
{
    private const string Name = "borgstore-server-rest";
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
}
