using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using BorgStore.Tests;

[assembly: AssemblyFixture(typeof(MutantProcess))]

namespace BorgStore.Tests;

/// <summary>Makes a test process fit for many changes of the code, of which Stryker activates one before each run of the tests.</summary>
/// <remarks>Stryker has no answer to static fields: they keep what they became under the change that was active when they were initialized. So all
/// are initialized before any change is active, and those that a change concerns once more for its run, and after it. Which change concerns which
/// is found out at the end of the process in which Stryker finds out which change each test reaches.</remarks>
public sealed unsafe class MutantProcess
{
    private const int None = -1;

    private static readonly string List = Path.Combine(Path.GetTempPath(), "initializers");
    private static readonly string? ActiveChange = Environment.GetEnvironmentVariable("STRYKER_MUTANT_FILE");
    private static readonly bool IsSearch = Environment.GetEnvironmentVariable("STRYKER_COVERAGE_FILE") is not null;
    private static bool _isPrepared;
    private static Dictionary<int, Type> _initializers = [];
    private static Type? _changed;

    public MutantProcess()
    {
        if (ActiveChange is null || FindCode() is not { } code) return;
        if (!_isPrepared)
        {
            _isPrepared = true;
            if (IsSearch) AppDomain.CurrentDomain.ProcessExit += (_, _) => WriteList(code);
            else Prepare(code);
        }
        if (IsSearch) return;
        if (_changed is not null) Initialize(_changed);
        if (_initializers.TryGetValue(ReadActive(), out _changed)) Initialize(_changed);
    }

    // The assembly with changes, if there are any yet.
    private static Assembly? FindCode()
        => new[] { typeof(Store).Assembly, typeof(BorgStore.Server.RestServer).Assembly }.SingleOrDefault(assembly => Array.Exists(assembly.GetTypes(), IsControl));

    private static bool IsControl(Type type) => type.Name == "MutantControl";

    private static IEnumerable<Type> FindInitialized(Assembly code) => code.GetTypes().Where(type
        => type.TypeInitializer is not null && !type.ContainsGenericParameters && type.Namespace?.StartsWith("BorgStore", StringComparison.Ordinal) == true);

    private static void WriteList(Assembly code)
    {
        var reached = code.GetTypes().Single(IsControl).GetField("_coveredStaticMutants", BindingFlags.NonPublic | BindingFlags.Static)!;
        var found = new Dictionary<int, Type>();
        foreach (var type in FindInitialized(code))
        {
            // The first time, others may be initialized too.
            RuntimeHelpers.RunClassConstructor(type.TypeHandle);
            ((IList)reached.GetValue(null)!).Clear();
            Initialize(type);
            foreach (int id in (IList)reached.GetValue(null)!) found.TryAdd(id, type);
        }
        File.WriteAllLines(List, found.Select(entry => $"{entry.Key} {entry.Value.FullName}"));
    }

    private static void Prepare(Assembly code)
    {
        var active = ReadActive();
        WriteActive(None);
        foreach (var type in FindInitialized(code)) RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        WriteActive(active);
        _initializers = File.ReadLines(List).Select(line => line.Split(' '))
            .ToDictionary(parts => int.Parse(parts[0], CultureInfo.InvariantCulture), parts => code.GetType(parts[1], throwOnError: true)!);
    }

    // The runtime's own method runs an initializer once.
    private static void Initialize(Type type) => ((delegate*<void>)type.TypeInitializer!.MethodHandle.GetFunctionPointer())();

    private static int ReadActive()
    {
        using var stream = new FileStream(ActiveChange!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new BinaryReader(stream);
        return reader.ReadInt32();
    }

    private static void WriteActive(int id)
    {
        using var stream = new FileStream(ActiveChange!, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.Write(BitConverter.GetBytes(id));
    }
}
