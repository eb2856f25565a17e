using BorgStore.Tests.Fuzzing.Driver;
using BorgStore.Verification;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The file in which a verification keeps how far it is.</summary>
internal sealed class VerificationTarget : IFuzzTarget, IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("borgstore-fuzz-").FullName, "state.json");

    public IReadOnlyList<string> Tokens =>
    [
        "\"Version\":", "\"Store\":", "\"memory:a\"", "\"Namespaces\":", "\"Started\":", "\"Completed\":", "\"Namespace\":", "\"After\":", "\"AfterInTree\":", "\"Weight\":", "\"Counts\":", "null", "true", "{", "}", "[", "]", ":", ",",
        "\"2026-01-01T00:00:00Z\"", "\\ud800",
    ];

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    public void Run(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        foreach (var namespaces in new string[]?[] { null, ["data"] })
        {
            VerificationState? state = null;
            if (Check.IsRefused(() => state = VerificationState.Load(_path, "memory:a", namespaces))) continue;
            Check.That(state!.Counts is not null && state.Store.TrimEnd('/') == "memory:a" && (state.Namespaces ?? []).SequenceEqual(namespaces ?? []), () => "It is the state of something else.");
            _ = state.Position;
            state.Save(_path);
            Check.Equal(state.Position, VerificationState.Load(_path, "memory:a", namespaces).Position, "the position that was saved");
            File.WriteAllBytes(_path, input);
        }
    }
}
