using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing;

public sealed class FuzzerTests
{
    [Fact]
    public void A_fault_is_found_and_its_input_made_small()
    {
        var found = new List<string>();
        var fuzzer = new Fuzzer(new WrongTarget(), ["nothing is wrong with this"u8.ToArray()], seed: 1, (input, fault) => found.Add($"{InputFile.Format(input)}: {fault.Message}"));
        fuzzer.Run(20_000, TimeSpan.FromMinutes(5));
        Assert.Equal(["XY: wrong"], found);
        Assert.InRange(fuzzer.Inputs, 20_000, 30_000);
    }

    [Fact]
    public void Too_much_memory_for_an_input_is_a_fault()
    {
        var found = new List<string>();
        new Fuzzer(new LargeTarget(), ["x"u8.ToArray()], seed: 1, (_, fault) => found.Add(fault.Message)).Run(20, TimeSpan.FromMinutes(5));
        Assert.Contains("allocates", Assert.Single(found));
    }

    [Fact]
    public void The_same_seed_makes_the_same_inputs()
    {
        Assert.Equal(Make(1), Make(1));
        Assert.NotEqual(Make(1), Make(2));

        static List<byte[]> Make(int seed)
        {
            var mutator = new Mutator(new(seed), ["token"]);
            return [.. Enumerable.Range(0, 100).Select(_ => mutator.Mutate("0123 input"u8.ToArray(), "other"u8.ToArray()))];
        }
    }

    [Fact]
    public void An_input_is_the_same_after_it_was_written_to_a_file_and_read()
    {
        using var folder = new TemporaryFolder();
        byte[][] inputs = [[], [.. Enumerable.Range(0, 256).Select(value => (byte)value)], "# no comment"u8.ToArray(), "\\x00\\n"u8.ToArray()];
        foreach (var input in inputs) InputFile.Append(folder.Combine("new/inputs.txt"), input);
        Assert.Equal(inputs, InputFile.Read(folder.Combine("new/inputs.txt")));
        Assert.Empty(InputFile.Read(folder.Combine("missing.txt")));
    }

    private sealed class WrongTarget : IFuzzTarget
    {
        public IReadOnlyList<string> Tokens => ["XY"];

        public void Run(byte[] input) => Check.That(input.AsSpan().IndexOf("XY"u8) < 0, () => "wrong");
    }

    private sealed class LargeTarget : IFuzzTarget
    {
        public void Run(byte[] input) => GC.KeepAlive(new byte[100 << 20]);
    }
}
