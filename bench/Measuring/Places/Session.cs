using System.Diagnostics;
using System.Runtime.InteropServices;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Processes;
using BorgStore.Tests;
using BorgStore.Tests.Server;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>What the subjects of one place share: a folder, servers, and what was left out.</summary>
/// <param name="folder">The folder, which is deleted in the end.</param>
/// <param name="leaveOut">Called with a line about each peer that is missing.</param>
internal sealed class Session(string folder, Action<string> leaveOut) : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _owned = new();
    private int _number;

    public string Folder { get; } = Directory.CreateDirectory(folder).FullName;

    public List<Subject> Subjects { get; } = [];

    /// <summary>The repository.</summary>
    public static string Root { get; } = FindRoot();

    public static string? Pwsh { get; } = Environment.GetEnvironmentVariable("PWSH") is { Length: > 0 } named ? named : FindProgram("pwsh");

    public static string Module => Path.Combine(Root, "artifacts", "BorgStore", "BorgStore.psd1");

    /// <summary>The server that the module would start.</summary>
    public static string ModuleServer
    {
        get
        {
            var folder = Path.Combine(Path.GetDirectoryName(Module)!, "server");
            var native = Path.Combine(folder, RuntimeInformation.RuntimeIdentifier, "borgstore-server-rest.dll");
            return File.Exists(native) ? native : Path.Combine(folder, "borgstore-server-rest.dll");
        }
    }

    public static string Storm => Beside("Storm", "BorgStore.Tests.Storm.dll");

    public static string Rest => Beside("Rest", "BorgStore.Benchmarks.Rest.dll");

    public static string Peer(string file) => Path.Combine(AppContext.BaseDirectory, "Peers", file);

    public static string? FindProgram(string name)
        => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin".Split(':').Select(path => Path.Combine(path, name)).FirstOrDefault(File.Exists);

    public void LeaveOut(string line) => leaveOut(line);

    /// <summary>Whether a program is installed; otherwise it is left out.</summary>
    public bool Has(string program)
    {
        if (FindProgram(program) is not null) return true;
        LeaveOut($"{program} is not installed, so it is left out.");
        return false;
    }

    /// <summary>The Python package, or <see langword="null"/> if it is left out.</summary>
    public ChildCommand? FindPython(string modules = "borgstore")
    {
        var python = PythonPeer.Find(modules);
        if (python is null) LeaveOut($"No Python here has {modules}, so it is left out; tests/servers/borg-root.sh brings the package, and PYTHON names another interpreter.");
        return python;
    }

    /// <summary>Disposes of something before the folder is deleted.</summary>
    public T Own<T>(T owned) where T : IAsyncDisposable
    {
        _owned.Push(owned);
        return owned;
    }

    /// <summary>Returns a path for a store or a file of its own.</summary>
    public string NewPath(string name) => Path.Combine(Folder, NewName(name));

    /// <summary>Returns a name that nothing else has here.</summary>
    public string NewName(string name) => $"{name}-{_number++}";

    /// <summary>Adds a process of ours that calls the library.</summary>
    public void AddOurs(string url, Func<Case, bool> does, string name = Names.Ours, string access = "store", string? cacheUrl = null, IReadOnlyDictionary<string, string>? environment = null)
        => AddWorker(name, Role.Ours, does, "dotnet", [Storm, "work", url, access, .. cacheUrl is null ? Array.Empty<string>() : [cacheUrl]], environment);

    /// <summary>Adds a process of ours that calls the cmdlets.</summary>
    public void AddPipeline(string url, Func<Case, bool> does, string? cacheUrl = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        if (Pwsh is null) LeaveOut("pwsh is not installed, so that the pipeline is left out; PWSH names another one.");
        else AddWorker(Names.Pipeline, Role.Ours, does, Pwsh, ["-NoProfile", "-NonInteractive", "-File", Peer("pipeline.ps1"), Module, url, cacheUrl ?? ""], environment);
    }

    /// <summary>Adds the Python package.</summary>
    public void AddPython(string url, Func<Case, bool> does, string name = Names.Python, string access = "store", string modules = "borgstore", IReadOnlyDictionary<string, string>? environment = null, int most = int.MaxValue)
    {
        if (FindPython(modules) is not { } python) return;
        // The store of the package does one thing at a time.
        AddWorker(name, Role.Peer, @case => @case.Concurrency == 1 && does(@case), python.FileName, [.. python.Arguments, Peer("borgstore_peer.py"), url, access], environment, most);
    }

    public void AddWorker(string name, Role role, Func<Case, bool> does, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, int most = int.MaxValue)
    {
        var start = new ProcessStartInfo(program, arguments);
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>()) start.Environment[variable] = value;
        Add(new WorkerSubject(name, role, does, start) { MostItems = most });
    }

    public void Add(Subject subject)
    {
        Subjects.Add(subject);
        Own(subject);
    }

    /// <summary>Starts our server over a folder of its own.</summary>
    public async Task<string> StartServerAsync(params string[] arguments)
    {
        var (server, url) = await ServerProcess.StartOurServerAsync(arguments);
        Own(server);
        return url.Split(',')[0].TrimEnd('/');
    }

    /// <summary>Starts another server and waits until it listens on a port.</summary>
    public async Task StartServerAsync(int port, string program, params IEnumerable<string> arguments)
    {
        var server = Own(ServerProcess.Start(program, arguments));
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(port), () => server.Output, server.Process);
    }

    public async ValueTask DisposeAsync()
    {
        while (_owned.TryPop(out var owned)) await owned.DisposeAsync();
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private static string Beside(string project, string file) => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", project, Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), file));

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "BorgStore.slnx"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("This is not in the repository.");
        return folder;
    }
}

/// <summary>The names of subjects that reports look for.</summary>
internal static class Names
{
    public const string Ours = "C#";
    public const string Pipeline = "pipeline";
    public const string Backend = "C# backend";
    public const string Python = "Python";
    public const string PythonBackend = "Python backend";
    public const string Calls = "system calls";
}
